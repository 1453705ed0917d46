"""How far it goes on paper: constants measured here, a simulation, a page of documentation."""
