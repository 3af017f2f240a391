"""Who gets a pump: charts, the rules that read them, verdicts with their reasons, and a funnel of many patients."""
