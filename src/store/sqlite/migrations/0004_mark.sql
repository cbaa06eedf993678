-- "RELA" in the file's first page: what it is, for whoever can't read its tables any more.
PRAGMA application_id = 0x52454c41;
