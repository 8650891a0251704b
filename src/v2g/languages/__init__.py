"""The languages in which grid operators and aggregators speak to a station or a depot, without any socket."""
