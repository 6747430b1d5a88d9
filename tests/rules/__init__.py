"""Rules, each as given / when / then with figures worked by hand, on every ledger there is."""
