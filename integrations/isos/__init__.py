"""System operators: `catalogue` finds their price files in what was uploaded, one folder an operator reads them."""
