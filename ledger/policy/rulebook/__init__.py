"""The rules as data: number, text, parameters and worked examples of each, and the page of them."""
