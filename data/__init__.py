"""Tables that ship with the package; see README.md in this folder for source, licence and checksum."""
