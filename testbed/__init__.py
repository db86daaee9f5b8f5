"""The test bed: whole hosts, made in seconds on one machine, for tests and for people.

`testbed.lab.Lab` boots systemd hosts on a private network, `testbed.bare.Bare` is the machine itself without systemd,
both behave as `testbed.machine.Machine`. Tests get them from the fixtures in `testbed.fixtures`; people from
`make host`. Everything lives in private namespaces that end with the process that made them.
"""
