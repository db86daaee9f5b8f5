"""The test bed by hand: ``python -m testbed shell`` (which is `make host`), ``rootfs``, ``collect`` …"""

import argparse
import sys

from testbed import ability, checkout, conformance, host, lab, leases, processes, rootfs, wheelhouse

WELCOME = """\
{names}: Debian with systemd, on a network of their own with 10.50.0.1 in the middle.
You are {user} on {first}. The checkout is read-only at {root}; its programs are in PATH.
`exit` ends everything and forgets it.
"""
PROMPT = "PS1='[\\u@\\h \\W]\\$ '"


def main() -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m testbed", description="Test hosts by hand.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    shell = verbs.add_parser("shell", help="boot hosts and open a shell in the first")
    shell.add_argument("--hosts", type=int, default=1, help="how many hosts stand on the network")
    shell.add_argument("--user", default="root", help="who to be: root, or worker, an ordinary user with a session")
    verbs.add_parser("rootfs", help="make the hosts' root filesystem now")
    verbs.add_parser("wheelhouse", help="fill the folder of wheels for hosts without a package registry now")
    kit = verbs.add_parser("conformance", help="run the conformance kit over drivers, and write their pages")
    kit.add_argument("names", nargs="*", help="which; by default all")
    verbs.add_parser("collect", help="free what killed test runs left")
    options = parser.parse_args()
    lacking = ability.lacking()
    if lacking:
        print("error: the test bed cannot work here; it lacks " + "; ".join(lacking), file=sys.stderr)
        return 1
    try:
        return _carry_out(options)
    except processes.TestBedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _carry_out(options: argparse.Namespace) -> int:
    match options.verb:
        case "shell":
            return _shell(options.hosts, options.user)
        case "rootfs":
            print(rootfs.path())
        case "wheelhouse":
            print(wheelhouse.for_hosts())
        case "conformance":
            chosen = [folder for folder in conformance.described() if not options.names or folder.name in options.names]
            good = [conformance.write(folder) for folder in chosen]
            return 0 if all(good) else 1
        case "collect":
            print("\n".join(leases.collect()))
    return 0


def _shell(count: int, user: str) -> int:
    with lab.Lab() as made:
        booted = [made.boot(f"host{number}") for number in range(1, count + 1)]
        first = booted[0]
        names = ", ".join(f"{each.name} ({each.address})" for each in booted)
        print(WELCOME.format(names=names, user=user, first=first.name, root=checkout.ROOT), file=sys.stderr)
        if user != "root":
            first.log_in(user)
        return _interact(first, user)


def _interact(first: host.Host, user: str) -> int:
    first.write("/etc/profile.d/testbed.sh", f"{PROMPT}\nPATH={first.environment['PATH']}\n")
    process = first.popen(
        ["bash", "--login"],
        env={"TERM": "xterm-256color"},
        user=user,
        cwd=first.user(user).home,
        stdin=None,
        stdout=None,
        stderr=None,
        session=False,
    )
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
