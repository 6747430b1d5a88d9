"""The write side: policy, the pure engine, the store and the commission ledger itself."""
