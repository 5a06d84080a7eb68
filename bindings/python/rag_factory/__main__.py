"""python -m rag_factory: the program."""

from rag_factory.program import main

if __name__ == "__main__":
    main()
