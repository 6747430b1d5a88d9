"""How finance's commands are carried out, a module for each kind."""
