"""The provider in the frameworks that people build with. Each module needs its framework, which is not installed here."""
