"""An example of what another package adds to Thecal: a policy, and a task as a file beside this one."""
