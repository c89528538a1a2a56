"""What is fast, measured, each number beside a floor taken in the same run."""
