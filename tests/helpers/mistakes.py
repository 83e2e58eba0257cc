"""The likeliest mistakes of users: what they did, how it has to end, and what the message must say.

`make_errors.py` writes docs/errors.md from this table, and `test_mistakes.py` holds both to what happens. What is made
of it is made in the present folder, `mistakes_made.py`.
"""

from typing import NamedTuple

from gillespie_nn import GillespieError, InputError, MissingExtraError, UnfinishedError


class Mistake(NamedTuple):
    """`did` is a command, which ends with an exit code, or an expression of Python, which raises an exception."""

    did: str
    words: tuple[str, ...]
    """What the message holds: what was wrong, the value, what is allowed, what to do."""
    end: int | type[GillespieError] = 2
    needs: str = ""
    """An optional library without which the mistake cannot be made."""
    without: str = ""
    """An optional library that is taken away."""
    quotes: bool = False
    """The message quotes another library, and changes with it."""


def _simulate(more, *words, model="model.txt", **how):
    return Mistake(f"gillespie-nn simulate {model} {more}".strip(), words, **how)


def _train(more, *words, **how):
    return Mistake(f"gillespie-nn train {more}", words, **how)


def _analyze(more, *words, file="run.h5", **how):
    return Mistake(f"gillespie-nn analyze {file} {more}".strip(), words, **how)


def _command(command, *words, **how):
    return Mistake(f"gillespie-nn {command}", words, **how)


def _python(expression, *words, end=InputError, **how):
    return Mistake(expression, words, end, **how)


MISTAKES = {
    "The command line": (
        _command("simulat model.txt --t-end 1", "'simulat'", "did you mean 'simulate'?", "analyze", "--help"),
        _simulate("--tend 5 --t-end 1", "'--tend'", "did you mean '--t-end'?", "simulate --help"),
        _simulate("", "required: --t-end", "--help"),
        _simulate("--tend 50", "'--tend'", "did you mean '--t-end'?"),
        _simulate("--t-end 1 --parameter alpha1 100", "--parameter takes NAME=X", "--parameter alpha1=100"),
        _simulate("--t-end 1 --rate bind 3", "--rate takes NAME=K", "--rate bind=3"),
        _simulate("--t-end 1 --rate bind=3 split=4", "takes one NAME=K", "--rate bind=3 --rate split=4"),
        _simulate("--t-end 1 --initial A=3,B=4", "'A=3,B=4'", "write --initial A=3 --initial B=4"),
        _simulate("--t-end 1 --species A B", "--species takes one", "write --species A --species B"),
        _simulate("--t-end 10s", "--t-end", "a number", "'10s'"),
        _simulate("--t-end 1 --replicates 1e3", "--replicates", "a whole number", "'1e3'"),
        _simulate("--t-end 1 --record mean", "unknown record", "'mean'", "trajectories, events, moments, quantiles"),
    ),
    "Models": (
        _simulate("--t-end 1", "no such model file", "modle.txt", "did you mean 'model.txt'?", model="modle.txt"),
        _simulate("--t-end 1", "folder is a folder", "name a file in it", model="folder"),
        _simulate("--t-end 1", "run.h5 is not a text file", ".sbml", model="run.h5"),
        _simulate("--t-end 1", "empty.txt", "no reaction", "the right file", model="empty.txt"),
        _simulate("--t-end 1", "line 1, column 7", "'@' and a rate constant", model="no-rate.txt"),
        _simulate("--t-end 1", "line 1, column 10", "'k'", "@parameter k", "propensity(...)", model="named-rate.txt"),
        _simulate(
            "--t-end 1", "line 2, column 10", "k", "is a species", "`@parameter k = 1`", model="amount-as-rate.txt"
        ),
        _simulate("--t-end 1", "line 1, column 11", "reversible", "forward, backward", model="reversible.txt"),
        _simulate("--t-end 1", "column 14", "count of A", "propensity(...)", model="counts-in-rate.txt"),
        _simulate("--t-end 1", "'; B -> C @ 2'", "per line", model="one-line.txt"),
        _simulate("--t-end 1", "A = 1.5", "must be whole numbers", "--round-initial", "ode", model="fraction.txt"),
        _simulate("--t-end 1", "S = 5e-23", "nearest", "substance='mole'", "--substance mole", model="nanomolar.txt"),
        _simulate("--t-end 1", "'a' is defined twice", "a different name", model="twice.txt"),
        _simulate("--t-end 1", "law of reaction r1", "'k'", "@parameter", model="unknown.txt"),
        _simulate(
            "--t-end 1 --seed 1", "negative, -5", "A - 10", "write it as two reactions", end=3, model="negative.txt"
        ),
        _python(
            "gnn.ReactionNetwork.from_text('@parameter k = 1 nM')",
            "line 1, column 18",
            "'nM'",
            "without a unit",
            "`@parameter k = 1`",
        ),
        _python(
            "gnn.ReactionNetwork.from_text('A = 50 nM')",
            "line 1, column 8",
            "'nM'",
            "number of molecules without a unit",
        ),
        _python("gnn.ReactionNetwork.from_text('A => B @ 1')", "line 1, column 3", "'=>'", "write '->'"),
        _python("gnn.ReactionNetwork.from_text('2A -> B @ 1')", "line 1, column 1", "a space", "`2 A`"),
        _python("gnn.ReactionNetwork('A -> B @ 1')", "a list of names", "ReactionNetwork.from_text('A -> B @ 1')"),
        _python('gnn.ReactionNetwork.from_text("model.txt")', "'model.txt'", "path", "read_text"),
        _python('gnn.ReactionNetwork.from_text("A -> B @ propensity(power(A, 2))")', "'power'", "known are"),
        _simulate(
            "--t-end 1 --method tau_leap", "tau_leap does not support rate rules", "rejection", model="growing.txt"
        ),
        _simulate("--t-end 1", "changes A, which is given by a rule", "remove one", model="rate-of-count.txt"),
        _simulate("--t-end 1", "random draw binomial", "events", model="draw-in-law.txt"),
        _simulate(
            "--t-end 1", "rate rule of k", "delay() is not supported", "species", needs="libsbml", model="delayed.xml"
        ),
        _simulate("--t-end 1", "broken.xml: line 2", needs="libsbml", quotes=True, model="broken.xml"),
        _simulate("--t-end 1", "S2 has no initial amount", "S2 = ", needs="antimony", model="no-amount.ant"),
        _simulate("--t-end 1", "broken.ant: ", "line 1", needs="antimony", quotes=True, model="broken.ant"),
        _python('gnn.ReactionNetwork.from_sbml("nowhere.xml")', "no such SBML file", "nowhere.xml", needs="libsbml"),
        _python('net.to_sbml("no/model.xml")', "no/model.xml", "existing folder", end=UnfinishedError, needs="libsbml"),
        _python(
            "gnn.ReactionNetwork(['A'], [gnn.Reaction({'A': -1}, {}, 1.0)])", "multiplicity of A", "at least 1", "-1"
        ),
        _python(
            "gnn.ReactionNetwork(['A', 'B'], [gnn.Reaction(['A'], [], 1, threshold=gnn.Threshold('jump', 'A', 'B'))])",
            "unknown threshold 'jump'",
            "step, ramp",
        ),
    ),
    "Simulation": (
        _simulate("--t-end=-1", "t_end must be positive", "[s]", "-1"),
        _simulate("--t-end 1 --method ssa", "unknown method 'ssa'", "direct, next_reaction, rejection"),
        _simulate("--t-end 1 --method SSA", "unknown method 'SSA'", "did you mean 'direct' or 'rejection'?"),
        _python("gnn.simulate(net, 1, method='gillespie')", "did you mean 'direct' or 'rejection'?"),
        _python("gnn.simulate(net, 1, method='rssa')", "did you mean 'rejection'?"),
        _python("gnn.simulate(net, 1, method='tau-leaping')", "did you mean 'tau_leap'?"),
        _python("gnn.simulate(net, 1, method='cle')", "did you mean 'langevin'?"),
        _python("gnn.simulate(net, 1, method='LNA')", "did you mean 'linear_noise'?"),
        _python("gnn.train((x, t), method='SSA')", "did you mean 'direct' or 'rejection'?"),
        _simulate("--t-end 1 --method Tau-Leap", "'Tau-Leap'", "did you mean 'tau_leap'?"),
        _simulate("--t-end 1 --method gradient_descent", "gradient_descent", "training method", "use train("),
        _simulate(
            "--t-end 1 --epsilon 0.1", "epsilon", "method adaptive_direct takes no options", "it applies to tau_leap"
        ),
        _simulate("--t-end 1 --method tau_leap --epsilon 3", "epsilon", "between 0 and 1", "3", "epsilon=0.03"),
        _simulate("--t-end 1 --replicates 0", "replicates must be at least 1", "0"),
        _simulate("--t-end 1 --method ode --replicates 5", "replicates=5", "is deterministic", "use 1 replicate"),
        _simulate("--t-end 1 --n-points 1", "n_points must be at least 2", "1", "both ends"),
        _simulate("--t-end 1 --volume 0", "volume must be positive", "0", "Omega"),
        _simulate("--t-end 1 --seed -1", "seed must be at least 0", "-1"),
        _simulate("--t-end 1 --initial a=5", "unknown species", "'a'", "did you mean 'A'?", "has A, B"),
        _simulate("--t-end 1 --initial A=-4", "amount of A", "number of molecules", "at least 0", "-4"),
        _simulate("--t-end 1 --initial A:5", "--initial takes NAME=NUMBER", "--initial A=100", "'A:5'"),
        _simulate("--t-end 1 --rate bin=3", "unknown reaction", "did you mean 'bind'?", "bind, split"),
        _simulate("--t-end 1 --initial A=3 --initial A=7", "--initial sets A twice"),
        _simulate("--t-end 1 --parameter k=3", "unknown parameter 'k'", "has none"),
        _simulate("--t-end 1 --parameter bind=3", "'bind' is a reaction", "is a reaction", "rates=", "--sweep"),
        _python("gnn.simulate('model.txt', t_end=1)", "got str", "ReactionNetwork.from_file('model.txt')"),
        _python("gnn.simulate('toggle_switch', 5)", "got str", "ReactionNetwork.from_file('toggle_switch')"),
        _python("gnn.simulate('A -> B @ 1', 5)", "got str", "ReactionNetwork.from_text('A -> B @ 1')"),
        _python("gnn.simulate(net)", "give t_end", "[s]", "time"),
        _python("gnn.simulate(net, t_end=1, time=[0, 1])", "either t_end", "or time", "not both"),
        _python("gnn.simulate(net, time=[0, 2, 1])", "increasing", "from 0", "[0, 1, 2]", "got [0, 2, 1]"),
        _python("gnn.simulate(net, 1, parameters={'k': 2})", "unknown parameter 'k'", "the network has none"),
        _python("gnn.simulate(net, 1, replicate=5)", "unknown option replicate", "did you mean 'replicates'?"),
        _python("gnn.simulate(net, 1, initial=[100, 0])", "initial must be a dictionary", "[100, 0]"),
        _python("gnn.simulate(net, 1, rates={'bin': 1})", "unknown reaction", "did you mean 'bind'?", "bind, split"),
        _python("gnn.simulate(net, 1, schedule=[(5, {'A': 9})])", "entry 0", "5", "after the end", "run longer"),
        _python("gnn.simulate(net, 1)['t']", "unknown species 't'", "did you mean 'time'?"),
        _python("gnn.simulate(net, 1).plot(log=True)", "log", "True", "use x, y, xy", "log='y'"),
        _python("gnn.simulate(net, 1).plot(colour='red')", "unknown option 'colour' in plot", "log, units, samples"),
        _python(
            "gnn.simulate(net, 1).to_dataframe()",
            "pandas",
            "pip install pandas xarray",
            end=MissingExtraError,
            without="pandas",
        ),
        _python("gnn.simulate(net, 1).of('C')", "unknown species 'C'", "the result has A, B"),
        _simulate("--t-end 1 --species a", "unknown species 'a'", "did you mean 'A'?", "has A, B"),
        _python("gnn.simulate(net, 1, species=[])", "names or patterns", "['A', 'C*']", "got []"),
        _python("gnn.simulate(net, 1, species=['A'])['B']", "'B' was not recorded", "has A", "B in species"),
    ),
    "Output": (
        _simulate("--t-end 1 --output run.h5", "run.h5 exists", "another name", "--overwrite"),
        _simulate("--t-end 1 --output folder", "folder is a folder", "folder/run.h5"),
        _simulate("--t-end 1 --output model.txt/run.h5", "cannot create the folder model.txt", "another output"),
        _python("gnn.simulate(net, 1).to_csv('model.txt')", "model.txt exists", "overwrite=True (--overwrite)"),
        _python("gnn.simulate(net, 1).save('run.h5')", "run.h5 exists", "overwrite=True (--overwrite)"),
        _python("gnn.simulate(net, 1, output=5)", "output must be the path of a file", "got 5"),
        _python("gnn.simulate(net, 1, output='a' * 300)", "'aaaa", "too long for a file name", "300 characters"),
    ),
    "Sweeps": (
        _simulate("--t-end 1 --sweep nowhere.csv", "no such table of a sweep", "nowhere.csv"),
        _simulate("--t-end 1 --sweep table.txt", "'.txt'", ".csv, .toml"),
        _simulate("--t-end 1 --sweep words.csv", "line 2, column 'bind'", "finite number", "'fast'"),
        _simulate("--t-end 1 --sweep ragged.csv", "line 2 has 1 cells", "names has 2"),
        _simulate("--t-end 1 --sweep unknown.csv", "'unbind'", "did you mean 'bind'?"),
        _simulate("--t-end 1 --sweep negative.csv", "row 0", "rate of bind", "at least 0", "-1"),
        _simulate(
            "--t-end 1 --sweep good.csv --output taken",
            "taken contains files that do not belong",
            "a new or empty folder",
        ),
        _python("gnn.open_sweep('taken')", "taken is not the folder of a sweep", "table.csv is missing"),
        _python("gnn.sweep(net, {'bind': [1, 2], 'A': [1]}, 1)", "differ in length", "'bind': 2", "'A': 1"),
    ),
    "Training": (
        _train("XOR", "unknown case 'XOR'", "did you mean 'xor'?", "iris"),
        _train("samples.csv", "no such data file: samples.csv", "did you mean 'good-samples.csv'?"),
        _train("good-samples.csv", "target is missing", "--target kind", "a, b, kind"),
        _train("counts.csv --target n", "'n' are whole numbers", "--task classification", "--task regression"),
        _train("words-in-samples.csv --target t", "line 3, column 'colour'", "'red'", "--features a"),
        _train("large.csv --target t --seed 0", "too large to be concentrations", "--scale unit"),
        _train("xor --target y", "target only applies to a data file", "'xor'"),
        _train("mnist", "the files of MNIST are missing", "fetch-data", "GILLESPIE_NN_DATA"),
        _train("xor --hidden 4x4", "--hidden", "4 or 32,16", "'4x4'"),
        _train("xor --h 0", "h must be positive", "[concentration^2]", "0", "h=0.25"),
        _train(
            "xor --activation sigmoid",
            "unknown activation 'sigmoid'",
            "smooth_relu, annihilation_relu, leaky_annihilation_relu, rail_relu, relu, leaky_relu",
        ),
        _train("xor --presentations 0", "presentations must be at least 1", "0"),
        _train("xor --hold 30", "hold", "30 s and 20 s", "shorter"),
        _train("xor --method adam", "unknown method 'adam'", "gradient_descent"),
        _train("xor --validation 20", "validation", "fraction", "between 0 and 1", "20"),
        _train("xor --patience 3", "at least one of the 4 training samples", "got 0.1, the default with patience"),
        _train("xor --volume 1e20 --seed 0", "molecules exceed the largest count", "2**53", "smaller volume"),
        _train("xor --volume 0.001 --seed 0", "volume = 0.001 is too small", "molecules", "a few hundred or more"),
        _train("xor --output xor.csv", "HDF5, not .csv", "xor.h5", "export"),
        _python("gnn.train((x, t), output='smooth_relu')", "would name a file", "output_activation"),
        _train("xor --output xor.h5", "xor.h5 exists", "another name", "--overwrite"),
        _train(
            "xor --method gradient_descent --learning-rate 1000 --presentations 20 --seed 0",
            "diverged",
            "smaller learning rate",
            end=3,
        ),
        _python("gnn.train('fl.csv', target='kind')", "no such data file: fl.csv"),
        _python("gnn.train(5)", "a case's name", "CSV file", "(inputs, targets)"),
        _python("gnn.Dataset.from_csv('good-samples.csv')", "target is missing", "target='kind'", "a, b, kind"),
        _python("gnn.train((x, t[:3]))", "4 samples", "targets have 3", "one row per sample"),
        _python("gnn.train(([x], t))", "[sample, feature]", "(1, 4, 2)"),
        _python("gnn.train((x, [0, 1, 1, float('nan')]))", "targets must be finite", "nan", "(3, 0)"),
        _python("gnn.train((x, ['no', 'yes', None, 'no']))", "sample 2", "missing value"),
        _python("gnn.train((x, t), hiden=3)", "unknown setting 'hiden'", "did you mean 'hidden'?"),
        _python("gnn.train((x, t), outptu='run.h5')", "'outptu'", "did you mean 'output'?"),
        _python("gnn.training_network(4)", "layers", "(2, 4, 1)", "got 4"),
        _python("gnn.training_network((2, 1), batch=0)", "batch must be at least 1", "got 0"),
        _python("gnn.training_network((2, 1), batch=2).presentation([1, 0], [1], 100)", "(2, 2)", "one row per sample"),
        _python("gnn.train('iris', shift=1)", "shift = 1", "iris", "image=(rows, columns)"),
        _python("gnn.train('xor', learning_schedule='linear')", "'linear'", "constant, cosine, steps"),
        _python("gnn.load_fit('xor.h5').predict([0, 1])", "[sample, 2]", "shape (2,)", "[[...]]"),
        _python("gnn.load_fit('xor.h5').predict(['zero', 'one'])", "numbers", "[sample, 2]"),
        _python("gnn.load_fit('xor.h5').predict(x, weights=[1.0])", "weights", "17", "shape (1,)"),
        _python(
            "gnn.propositions.setting_of_fit(gnn.load_fit('xor.h5'), '5.3')", "unknown proposition '5.3'", "5.1, 5.2"
        ),
        _python("gnn.load_fit('xor.h5').classify(x)", "threshold", "use predict"),
        _command("verify-bounds --run xor.h5 --h 1", "--h sets what the run in xor.h5 brings", "leave --h out"),
        _command("verify-bounds --run xor.h5 --samples 4", "samples must be at most 3", "got 4"),
        _python("gnn.load_fit('xor.h5').trajectories([4])", "numbers of training samples", "0 to 3", "got 4"),
        _python("gnn.load_fit('xor.h5').trajectories([0, 1.5])", "[sample, 2]", "a number of presentations", "(x, t)"),
        _python("gnn.load_fit('xor.h5').trajectories(2, weights='last')", "unknown weights 'last'", "initial"),
        _python(
            "gnn.load_fit('xor.h5').trajectories(2, method='batch_leap')",
            "batch_leap simulates no single reactions",
            "use auto, tau_leap or ode",
        ),
        _python("gnn.load_fit('xor.h5').trajectories(2)['D1_O']", "unknown quantity 'D1_O'", "did you mean"),
        _python("gnn.load_fit('xor.h5').film('learning.avi')", "film", "'.avi'", ".gif, .mp4", needs="matplotlib"),
        _python("gnn.load_fit('xor.h5').to_sbml([1.0])", "[2]", "one sample", "shape (1,)", needs="libsbml"),
    ),
    "Noise": (
        _train("xor --rate-noise 0.9", "0.9", "too large", "at most 0.5"),
        _train("xor --rate-noise 0.1 --rate-noise-kind white", "'white'", "constant, presentation, bounded"),
        _train("xor --rate-noise-kind bounded", "--rate-noise-kind bounded", "also give --rate-noise EPS"),
        _train("xor --rate-noise 0.1 --noise-step 1", "--noise-step", "kind bounded or"),
        _train("xor --predict-rate-noise 0.1", "prediction", "set predict"),
        _python("gnn.simulate(net, 1, noise=0.1)", "RateNoise(0.1)", "got 0.1"),
        _python("gnn.RateNoise(0.1, shared='no')", "shared", "True or False", "'no'"),
        _python("gnn.ConcentrationNoise(0.7, 'impulse')", "amplitude 0.7", "at most 0.5"),
        _python("gnn.AdditiveNoise(-0.1)", "amplitude of additive noise", "at least 0", "-0.1"),
        _python("gnn.simulate(net, 1, noise=gnn.RateNoise(0.1))", "presentation", "constant, bounded"),
    ),
    "Run files": (
        _analyze("", "no such run file", "run5.h5", "did you mean 'run.h5'?", file="run5.h5"),
        _analyze("", "model.txt", "not a readable HDF5 file", file="model.txt"),
        _analyze("", "folder is a folder", "name a file in it", file="folder"),
        _analyze("--what mean", "unknown analysis 'mean'", "did you mean 'means'?", "spectrum"),
        _analyze("--what learning", "not a training run", "'ensemble'", "train"),
        _analyze("--what means --species C", "unknown species 'C'", "the run has A, B"),
        _analyze("--what histogram --time 50", "time", "0 to 5 s", "got 50"),
        _analyze(
            "--what spectrum --start 50", "at least", "recorded points from start = 50 s on, got 0", "record more"
        ),
        _analyze("--passage 'A - 10'", "has no comparison", "'A >= 10'", "'A - 10'"),
        _analyze("--passage 'A >'", "column 4", "got the end of the text"),
        _analyze("--passage 'C > 10'", "unknown species 'C'", "the run has A, B"),
        _analyze("--what compare", "second run", "--other RUN2.h5"),
        _analyze("--species C", "unknown species 'C'", "the run has A, B"),
        _analyze("--what trajectories", "run.h5 is not a training run"),
        _analyze("--what means --samples 3", "--samples only applies to trajectories", "--what trajectories"),
        _analyze("--what trajectories --samples one", "a number of presentations", "'one'", file="xor.h5"),
        _analyze(
            "--film learning.gif", "--film shows a training run", "run.h5 is of kind ensemble", needs="matplotlib"
        ),
        _analyze("--time 3", "--time only applies to an analysis", "--what means"),
        _analyze("--what means --confidence 95", "confidence must be between 0 and 1", "95", "0.95"),
        _analyze("--figure run.gif", "'.gif'", ".png, .svg, .pdf"),
        _analyze("--figure run.png", "matplotlib", "pip install matplotlib", without="matplotlib"),
        _analyze("--what histogram", "no trajectories", "means", file="moments.h5"),
        _command("resume nowhere.h5", "no such run file", "nowhere.h5"),
        _command("resume model.txt", "model.txt", "not a readable HDF5 file"),
        _command("export run.h5 --to xls", "unknown format 'xls'", "csv, parquet, netcdf"),
        _command("report run.h5 --output run.pdf", "'.pdf'", ".html"),
        _command("fetch-data iris", "'iris' needs no files", "trained as it is"),
        _python("gnn.open_run(5)", "path of a run file", "got 5"),
        _python("gnn.open_moments('run.h5')", "is not a file of moments", "'gillespie-nn run'", "it is a run file"),
        _python("gnn.load_fit('run.h5')", "run.h5 is not a training run", "train"),
    ),
}
