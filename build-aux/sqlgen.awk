# sqlgen: the files of sql/ as one C header.
#
# usage: awk -f sqlgen.awk sql/001-*.sql ... sql/queries.sql
#
# A file whose name begins with three digits is a migration, taken whole; they
# must come in order, without a gap. In other files a line of comment starts
# each piece:
#
#   -- columns: TABLE [*]COLUMN ...   the columns of a table, * marks its key;
#                                     goes on over following lines of comment
#   -- name: NAME                     a statement prepared at open
#   -- once: NAME                     a statement run by hand, at open mostly
#   -- setting: PRAGMA VALUE [WHEN]   a pragma and what it must read back
#
# In statements @columns(TABLE) is the list, @columns(TABLE,a) the same with
# alias a, @params(TABLE) gives :COLUMN for each and @updates(TABLE) sets all
# but the key from excluded. So a new column is written once per table here.

function die(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
	failed = 1
	exit 1
}

function base_name(path) {
	sub(/^.*\//, "", path)
	return path
}

function expand(line,    head, call, tail, kind, arg, alias, n, i, cols, c, out)
{
	while (match(line, /@[a-z]+\([a-z_, ]*\)/)) {
		head = substr(line, 1, RSTART - 1)
		call = substr(line, RSTART, RLENGTH)
		tail = substr(line, RSTART + RLENGTH)
		kind = substr(call, 2, index(call, "(") - 2)
		arg = substr(call, index(call, "(") + 1)
		sub(/\)$/, "", arg)
		gsub(/ /, "", arg)
		alias = ""
		if (index(arg, ",") > 0) {
			alias = substr(arg, index(arg, ",") + 1) "."
			sub(/,.*/, "", arg)
		}
		if (!(arg in columns))
			die("no columns are listed for " arg)
		n = split(columns[arg], cols, " ")
		out = ""
		for (i = 1; i <= n; i++) {
			c = cols[i]
			if (kind == "updates" && substr(c, 1, 1) == "*")
				continue
			sub(/^\*/, "", c)
			if (kind == "columns" && alias != "")
				c = alias c " AS " c
			else if (kind == "params")
				c = ":" c
			else if (kind == "updates")
				c = c " = excluded." c
			else if (kind != "columns")
				die("unknown list @" kind)
			out = out (out == "" ? "" : ", ") c
		}
		line = head out tail
	}
	return line
}

function literal(line) {
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	return "\t    \"" line "\\n\"\n"
}

FNR == 1 {
	section = ""
	migration = 0
	listing = ""
	if (base_name(FILENAME) ~ /^[0-9][0-9][0-9]-/) {
		migration = ++migrations
		if (substr(base_name(FILENAME), 1, 3) + 0 != migration)
			die("migration " migration " is missing")
	}
}

!migration && /^-- (columns|name|once|setting): / {
	listing = ""
	section = ""
	if ($2 == "columns:") {
		listing = $3
		if (listing in columns)
			die("columns of " listing " are listed twice")
		columns[listing] = ""
		for (i = 4; i <= NF; i++)
			columns[listing] = columns[listing] " " $i
	} else if ($2 == "setting:") {
		if (NF < 4)
			die("a setting needs its value")
		section = "setting"
		set_name[++settings] = $3
		set_value[settings] = $4
		set_when[settings] = $5
	} else {
		section = $2 == "name:" ? "name" : "once"
		if ($3 in seen)
			die($3 " is there twice")
		seen[$3] = 1
		if (section == "name")
			name[++names] = $3
		else
			once[++onces] = $3
	}
	next
}

listing != "" && /^--/ {
	for (i = 2; i <= NF; i++)
		columns[listing] = columns[listing] " " $i
	next
}

{
	listing = ""
	line = $0
	sub(/[ \t]*--.*$/, "", line)
	if (line ~ /^[ \t]*$/)
		next
	if (migration) {
		migration_text[migration] = migration_text[migration] \
		    literal(line)
		next
	}
	if (section == "")
		die("text that belongs to no statement")
	line = literal(expand(line))
	if (section == "name")
		name_text[names] = name_text[names] line
	else if (section == "once")
		once_text[onces] = once_text[onces] line
	else
		set_text[settings] = set_text[settings] line
}

END {
	if (failed)
		exit 1
	print "/* Made by build-aux/sqlgen.awk from sql/; not to be edited. */"
	print "#ifndef TRACKUP_STORE_SQLTEXT_H"
	print "#define TRACKUP_STORE_SQLTEXT_H"
	printf "\nenum stmt {\n"
	for (i = 1; i <= names; i++)
		printf "\tSTMT_%s,\n", toupper(name[i])
	printf "\tSTMT_COUNT_\n};\n\nenum sql_once {\n"
	for (i = 1; i <= onces; i++)
		printf "\tONCE_%s,\n", toupper(once[i])
	printf "\tONCE_COUNT_\n};\n\n"
	printf "enum { SQL_MIGRATIONS = %d };\n\n#endif\n", migrations
	print "#ifdef SQLTEXT_DATA"
	printf "static const char *const sql_migration[] = {\n"
	for (i = 1; i <= migrations; i++)
		printf "\t/* %d */\n%s\t    ,\n", i, migration_text[i]
	printf "};\n\nstatic const struct {\n\tconst char *name, *text;\n"
	printf "} sql_stmt[] = {\n"
	for (i = 1; i <= names; i++)
		printf "\t{\"%s\",\n%s\t},\n", name[i], name_text[i]
	printf "};\n\nstatic const char *const sql_once[] = {\n"
	for (i = 1; i <= onces; i++)
		printf "\t/* %s */\n%s\t    ,\n", once[i], once_text[i]
	printf "};\n\nstatic const struct {\n"
	printf "\tconst char *name, *set, *get, *value, *when;\n"
	printf "} sql_setting[] = {\n"
	for (i = 1; i <= settings; i++)
		printf "\t{\"%s\",\n%s\t    , \"PRAGMA %s\", \"%s\", \"%s\"},\n",
		    set_name[i], set_text[i], set_name[i], set_value[i],
		    set_when[i]
	printf "};\n#endif\n"
}
