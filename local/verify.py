"""`make verify`: the hash chains of the local installation, or of the database `STEPDOWN_DATABASE_URL` names."""

import os
import sys

from dotenv import dotenv_values

from local.stack.up import data_folder
from storage.verify import main

if __name__ == "__main__":
    url = os.environ.get("STEPDOWN_DATABASE_URL") or dotenv_values(data_folder().settings).get("STEPDOWN_DATABASE_URL")
    raise SystemExit(main(sys.argv[1:], url))
