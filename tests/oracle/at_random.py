"""What the oracles share that make things at random. Each thing has a number and is the same in every run."""
import argparse


def arguments(things):
    """--program, how many of the things, and the number of the first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--program")
    parser.add_argument(f"--{things}", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    return parser


def run(args, things, check):
    """check(number) returns (cases, differences, what to print); no cases: the reference refuses it, or does not survive it. Prints
    what differs, and totals; returns whether something does."""
    n, compared, different, unknown = getattr(args, things), 0, 0, 0
    for number in range(args.first, args.first + n):
        cases, differences, said = check(number)
        compared += cases
        different += differences > 0
        unknown += cases + differences == 0
        if differences:
            print(said, flush=True)
    print(f"{n} {things}, {compared} cases, {different} {things} that differ" + (f", {unknown} without an answer of the reference" if unknown else ""))
    return different > 0
