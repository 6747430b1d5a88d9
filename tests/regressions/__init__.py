"""Each test here failed once; its docstring says what had gone wrong."""
