"""`python -m localft`, which is also what `accelerate launch -m localft` starts on each process."""

from localft.cli.main import run

if __name__ == "__main__":
    run()
