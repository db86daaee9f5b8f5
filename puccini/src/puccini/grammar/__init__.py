"""The grammar of TOSCA 2.0: tables of keynames and the structs they are read into."""
