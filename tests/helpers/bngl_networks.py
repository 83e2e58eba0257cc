"""Networks of BioNetGen."""


def small(parameters="1 k 0.5", functions="", species="1 A() 10", reactions="1 1 0 k", groups="1 G 1"):
    """A network of one species and one reaction, with the sections that a test gives."""
    blocks = {"parameters": parameters, "functions": functions, "species": species}
    blocks |= {"reactions": reactions, "groups": groups}
    return "".join(f"begin {b}\n{content}\nend {b}\n" for b, content in blocks.items())
