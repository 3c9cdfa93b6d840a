/* What is refused before anybody walks, where it is, and how it is shown. */
#include "config.h"
#include "config/yamlwalk.h"

#include <stdint.h>

#include "base/text.h"
#include "diag.h"

static bool
read_all(const char *text, size_t len, struct sbuf *diag)
{
	struct yw *w = yw_new("f", text, len);
	bool good;

	ck_assert_ptr_nonnull(w);
	sbuf_init(diag, 0);
	good = yw_finish(w, diag);
	yw_free(w);
	return good;
}

static void
refuse_bytes(const char *text, size_t len, const char *want)
{
	struct sbuf diag;

	ck_assert(!read_all(text, len, &diag));
	expect_diag(text, &diag, want);
	sbuf_done(&diag);
}

static void
refuse(const char *text, const char *want)
{
	refuse_bytes(text, strlen(text), want);
}

static void
accept(const char *text)
{
	struct sbuf diag;
	bool good = read_all(text, strlen(text), &diag);

	ck_assert_msg(good, "%s\n%s", text, sbuf_str(&diag));
	sbuf_done(&diag);
}

START_TEST(encodings)
{
	accept("");
	accept("# only a comment");
	accept("\xef\xbb\xbf" "a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x97\r\n");
	accept("---\na: 1\n...\n");
	refuse("a: 1\nb\xff: 2\n",
	    "f:2:2: byte 0xff is not UTF-8 text\n"
	    "  b?: 2\n"
	    "   ^\n");
	/* Columns are characters; overlong, surrogate and cut ones are none. */
	refuse("\xc3\xa4: \xc0\x80", "f:1:4: byte 0xc0 is not UTF-8 text\n"
	    "  \xc3\xa4: ??\n"
	    "     ^\n");
	refuse("a: \xed\xa0\x80", "f:1:4: byte 0xed is not UTF-8 text\n"
	    "  a: ???\n"
	    "     ^\n");
	refuse("a: \xe2\x82", "f:1:4: byte 0xe2 is not UTF-8 text\n"
	    "  a: ??\n"
	    "     ^\n");
	refuse("\xff\xfe" "a\n", "f:1:1: byte 0xff is not UTF-8 text\n"
	    "  ??a\n"
	    "  ^\n");
	refuse_bytes("a: 1\nb: \0x\n", 11,
	    "f:2:4: character U+0000 is not allowed here\n"
	    "  b: ?x\n"
	    "     ^\n");
	refuse("a: \x1b[2J\n", "f:1:4: character U+001B is not allowed here\n"
	    "  a: ?[2J\n"
	    "     ^\n");
	refuse("a: \xc2\x85", "f:1:4: character U+0085 is not allowed here\n"
	    "  a: ?\n"
	    "     ^\n");
	refuse("a: \xe2\x80\xae", "f:1:4: character U+202E is not allowed "
	    "here\n"
	    "  a: ?\n"
	    "     ^\n");
	refuse("a: \xef\xbb\xbf", "f:1:4: character U+FEFF is not allowed "
	    "here\n"
	    "  a: ?\n"
	    "     ^\n");
}
END_TEST

START_TEST(sizes)
{
	size_t n = (size_t)1 << 20;
	char *text = malloc(n + 2);
	struct sbuf diag;

	ck_assert_ptr_nonnull(text);
	memset(text, '#', n + 1);
	text[n + 1] = '\0';
	ck_assert(read_all(text, n, &diag));
	sbuf_done(&diag);
	refuse_bytes(text, n + 1, "f:1:1: the file is too large, allowed up "
	    "to 1048576 bytes\n");
	free(text);
}
END_TEST

START_TEST(surprises)
{
	refuse("a: &x 1\nb: *x\n",
	    "f:1:4: anchors (&) are not allowed; a text that begins with & "
	    "needs quotes\n"
	    "  a: &x 1\n"
	    "     ^\n"
	    "f:2:4: aliases (*) are not allowed; a text that begins with * "
	    "needs quotes\n"
	    "  b: *x\n"
	    "     ^\n");
	refuse("a: !!str 1\nb: ! 2\nc: !x [1]\n",
	    "f:1:4: tags (!) are not allowed; a text that begins with ! needs "
	    "quotes\n"
	    "  a: !!str 1\n"
	    "     ^\n"
	    "f:2:4: tags (!) are not allowed; a text that begins with ! needs "
	    "quotes\n"
	    "  b: ! 2\n"
	    "     ^\n"
	    "f:3:4: tags (!) are not allowed; a text that begins with ! needs "
	    "quotes\n"
	    "  c: !x [1]\n"
	    "     ^\n");
	refuse("a: 1\n---\nb: 1\n",
	    "f:2:1: a second document begins here, allowed is one a file\n"
	    "  ---\n"
	    "  ^\n");
	accept("a: \"&x *y !z\"\n");
	accept("[[[[[[[[1]]]]]]]]");
	refuse("[[[[[[[[[1]]]]]]]]]",
	    "f:1:9: nested too deep, allowed up to 8 levels\n"
	    "  [[[[[[[[[1]]]]]]]]]\n"
	    "          ^\n");
	refuse("a:\n b:\n  c:\n   d:\n    e:\n     f:\n      g:\n       h:\n"
	       "        i: 1\n",
	    "f:9:9: nested too deep, allowed up to 8 levels\n"
	    "          i: 1\n"
	    "          ^\n");
}
END_TEST

/* What is refused leaves the rest a tree: it has its errors, too. */
START_TEST(surprises_are_walked_over)
{
	static const char text[] =
	    "\xc3\xa4: &x [*x, *y]\n"
	    "*y : &x {b: [[[[[[[[[[1]]]]]]]]]]}\n"
	    "c: d\n";
	struct yw *w = yw_new("f", text, sizeof(text) - 1);
	struct sbuf diag;
	int root, key, value;

	ck_assert_ptr_nonnull(w);
	root = yw_root(w);
	ck_assert_int_ne(root, 0);
	ck_assert_uint_eq(yw_count(w, root), 3);
	yw_pair(w, root, 0, &key, &value);
	ck_assert_uint_eq(yw_count(w, value), 2);
	/* Of a place where an alias stands, all is said. */
	yw_error(w, yw_at(w, yw_item(w, value, 1)), "k", "never shown");
	yw_pair(w, root, 2, &key, &value);
	ck_assert(span_is(yw_text(w, value), "d"));
	yw_error(w, yw_at(w, value), "k", "what");
	sbuf_init(&diag, 0);
	ck_assert(!yw_finish(w, &diag));
	expect_in(text, &diag, "f:1:4: anchors");
	expect_in(text, &diag, "f:1:8: aliases");
	expect_in(text, &diag, "f:1:12: aliases");
	expect_in(text, &diag, "f:2:1: aliases");
	expect_in(text, &diag, "f:2:6: anchors");
	expect_in(text, &diag, "f:2:19: nested too deep");
	expect_in(text, &diag, "f:3:4: k: what\n");
	ck_assert_ptr_null(strstr(sbuf_str(&diag), "never shown"));
	sbuf_done(&diag);
	yw_free(w);
}
END_TEST

/* Laughs by the billion, and brackets by the thousand, end at once. */
START_TEST(bombs)
{
	struct sbuf text, diag;

	sbuf_init(&text, 0);
	sbuf_adds(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 20; i++)
		sbuf_addf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
		    i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	ck_assert(!read_all(sbuf_str(&text), text.len, &diag));
	expect_in("laughs", &diag, "f: there are more errors, only the first "
	    "100 are shown\n");
	sbuf_done(&diag);
	sbuf_clear(&text);
	for (size_t i = 0; i < 500000; i++)
		sbuf_adds(&text, "[");
	ck_assert(!read_all(sbuf_str(&text), text.len, &diag));
	expect_in("brackets", &diag, "f:1:9: nested too deep");
	sbuf_done(&diag);
	sbuf_clear(&text);
	for (size_t i = 0; i < 300000; i++)
		sbuf_adds(&text, "? ");
	ck_assert(!read_all(sbuf_str(&text), text.len, &diag));
	sbuf_done(&diag);
	/* Each colon might follow the name of a secret. */
	sbuf_clear(&text);
	for (size_t i = 0; i < 300000; i++)
		sbuf_adds(&text, ": a");
	ck_assert(!read_all(sbuf_str(&text), text.len, &diag));
	sbuf_done(&diag);
	sbuf_done(&text);
}
END_TEST

START_TEST(syntax)
{
	refuse("a: 1\nb: {c: 1\nd: 2\n",
	    "f:3:2: not YAML: did not find expected ',' or '}' (while parsing "
	    "a flow mapping that begins on line 2)\n"
	    "  d: 2\n"
	    "   ^\n");
	refuse("a: 'b\n",
	    "f:2:1: not YAML: found unexpected end of stream (while scanning "
	    "a quoted scalar that begins on line 1)\n");
	refuse("a:\n\tb: 1\n",
	    "f:2:1: not YAML: found character that cannot start any token "
	    "(while scanning for the next token); a tab cannot indent, and "
	    "text that begins with one of @ ` % needs quotes\n"
	    "  \tb: 1\n"
	    "  ^\n");
	refuse("a: b: c\n",
	    "f:1:5: not YAML: mapping values are not allowed in this "
	    "context\n"
	    "  a: b: c\n"
	    "      ^\n");
	refuse("a: *nobody\n",
	    "f:1:4: aliases (*) are not allowed; a text that begins with * "
	    "needs quotes\n"
	    "  a: *nobody\n"
	    "     ^\n");
}
END_TEST

/* --- carets ----------------------------------------------------------------*/

static void
show(const char *text, size_t line, size_t col, const char *want)
{
	struct yw *w = yw_new("f", text, strlen(text));
	struct sbuf diag;

	ck_assert_ptr_nonnull(w);
	yw_error(w, (struct note_pos){line, col}, "k", "what");
	sbuf_init(&diag, 0);
	ck_assert(!yw_finish(w, &diag));
	expect_diag(text, &diag, want);
	sbuf_done(&diag);
	yw_free(w);
}

START_TEST(carets)
{
	show("a: b", 1, 4, "f:1:4: k: what\n  a: b\n     ^\n");
	/* A tab before it is a tab below it. */
	show("a:\tb\tc", 1, 4, "f:1:4: k: what\n  a:\tb\tc\n    \t^\n");
	show("\xc3\xa4\xe2\x82\xac: b", 1, 5,
	    "f:1:5: k: what\n  \xc3\xa4\xe2\x82\xac: b\n      ^\n");
	show("a: 1\r\nb: 2\r\n", 2, 4, "f:2:4: k: what\n  b: 2\n     ^\n");
	show("a: 1\rb: 2\r", 2, 4, "f:2:4: k: what\n  b: 2\n     ^\n");
	show("\xef\xbb\xbf" "a: b", 1, 4, "f:1:4: k: what\n  a: b\n     ^\n");
	/* Behind the end of a line, and of the file. */
	show("a:\n", 1, 3, "f:1:3: k: what\n  a:\n    ^\n");
	show("a:\n", 2, 1, "f:2:1: k: what\n");
}
END_TEST

START_TEST(long_lines)
{
	char text[1001], want[400];

	memset(text, 'x', 1000);
	text[1000] = '\0';
	(void)snprintf(want, sizeof(want), "f:1:4: k: what\n  %.160s...\n"
	    "     ^\n", text);
	show(text, 1, 4, want);
	(void)snprintf(want, sizeof(want), "f:1:500: k: what\n  ...%.160s..."
	    "\n  %103s^\n", text, "");
	show(text, 1, 500, want);
	(void)snprintf(want, sizeof(want), "f:1:1000: k: what\n  ...%.101s\n"
	    "  %103s^\n", text, "");
	show(text, 1, 1000, want);
}
END_TEST

/* --- secrets ---------------------------------------------------------------*/

START_TEST(secrets)
{
	static const char *const keys[] = {"password", "Password", "passwd",
	    "my_secret", "token", "pwd", "'password'", "\"pass\"", "pasword",
	    "pssword"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char text[100];
		struct sbuf diag;
		struct yw *w;

		/* With a tree, and without one. */
		(void)snprintf(text, sizeof(text), "a: {%s: hunter2, b: 1}",
		    keys[i]);
		w = yw_new("f", text, strlen(text));
		ck_assert_ptr_nonnull(w);
		yw_error(w, (struct note_pos){1, 1}, "k", "what");
		sbuf_init(&diag, 0);
		ck_assert(!yw_finish(w, &diag));
		ck_assert_ptr_null(strstr(sbuf_str(&diag), "hunter"));
		expect_in(text, &diag, ": *******, b: 1}");
		sbuf_done(&diag);
		yw_free(w);
		(void)snprintf(text, sizeof(text), "a: {%s: hunter2, b: 1]",
		    keys[i]);
		ck_assert(!read_all(text, strlen(text), &diag));
		ck_assert_ptr_null(strstr(sbuf_str(&diag), "hunter"));
		expect_in(text, &diag, "f:1:");
		sbuf_done(&diag);
		(void)snprintf(text, sizeof(text), "%s:\n  hunter2: }\n",
		    keys[i]);
		ck_assert(!read_all(text, strlen(text), &diag));
		expect_in(text, &diag, "f:2:");
		if (keys[i][0] != '\'' && keys[i][0] != '"')
			ck_assert_ptr_null(strstr(sbuf_str(&diag), "hunter"));
		sbuf_done(&diag);
	}
	/* A path is none. */
	show("password_file: /x", 1, 1,
	    "f:1:1: k: what\n  password_file: /x\n  ^\n");
	show("password: [a, {b: c}]\nd: e", 1, 1,
	    "f:1:1: k: what\n  password: ***********\n  ^\n");
}
END_TEST

START_TEST(many_secrets)
{
	struct sbuf text, diag;
	struct yw *w;

	sbuf_init(&text, 0);
	sbuf_adds(&text, "a: [");
	for (int i = 0; i < 300; i++)
		sbuf_adds(&text, "{pass: hunter2}, ");
	sbuf_adds(&text, "x]\n");
	w = yw_new("f", sbuf_str(&text), text.len);
	ck_assert_ptr_nonnull(w);
	/* Too many to know them all: then no line is shown. */
	yw_error(w, (struct note_pos){1, text.len - 20}, "k", "what");
	sbuf_init(&diag, 0);
	ck_assert(!yw_finish(w, &diag));
	ck_assert_ptr_null(strstr(sbuf_str(&diag), "hunter"));
	sbuf_done(&text);
	sbuf_done(&diag);
	yw_free(w);
}
END_TEST

/* --- order and number ------------------------------------------------------*/

START_TEST(order)
{
	static const char text[] = "a\nb\nc\n";
	struct yw *w = yw_new("f", text, sizeof(text) - 1);
	struct sbuf diag;

	ck_assert_ptr_nonnull(w);
	yw_error(w, (struct note_pos){3, 1}, NULL, "three");
	yw_warn(w, (struct note_pos){2, 1}, NULL, "two");
	yw_error_in(w, (struct note_pos){2, 1}, "g:7", "elsewhere");
	yw_error(w, (struct note_pos){1, 1}, NULL, "one");
	sbuf_init(&diag, 0);
	ck_assert(!yw_finish(w, &diag));
	expect_diag(text, &diag,
	    "f:1:1: one\n  a\n  ^\n"
	    "warning: f:2:1: two\n  b\n  ^\n"
	    "g:7: elsewhere\n"
	    "f:3:1: three\n  c\n  ^\n");
	sbuf_done(&diag);
	yw_free(w);
}
END_TEST

START_TEST(warnings_are_no_errors)
{
	struct yw *w = yw_new("f", "a\n", 2);
	struct sbuf diag;

	ck_assert_ptr_nonnull(w);
	for (int i = 0; i < 25; i++)
		yw_warn(w, (struct note_pos){1, 1}, NULL, "w");
	ck_assert(!yw_failed(w) && !yw_full(w));
	sbuf_init(&diag, 0);
	ck_assert(yw_finish(w, &diag));
	sbuf_done(&diag);
	yw_free(w);
}
END_TEST

/* --- the small arts --------------------------------------------------------*/

START_TEST(quotes)
{
	char buf[TEXT_QUOTE];

	ck_assert_str_eq(text_quote(SPAN_LIT("a b"), buf), "\"a b\"");
	ck_assert_str_eq(text_quote(SPAN_LIT("\"\\\n\x7f"), buf),
	    "\"\\x22\\x5c\\x0a\\x7f\"");
	ck_assert_str_eq(text_quote(SPAN_LIT("\xc3\xa4\xc3"), buf),
	    "\"\xc3\xa4\\xc3\"");
	ck_assert_str_eq(text_quote(SPAN_LIT(
	    "1234567890123456789012345678901234567890"), buf),
	    "\"1234567890123456789012345678901234567890\"");
	ck_assert_str_eq(text_quote(SPAN_LIT(
	    "12345678901234567890123456789012345678901"), buf),
	    "\"1234567890123456789012345678901234567890...\"");
	/* However long what it becomes, it is cut and closed. */
	ck_assert_str_eq(text_quote(SPAN_LIT("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
	    "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"), buf),
	    "\"\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01"
	    "\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01...\"");
}
END_TEST

START_TEST(distances)
{
	ck_assert_uint_eq(text_distance("percent", "percent"), 0);
	ck_assert_uint_eq(text_distance("pecrent", "percent"), 1);
	ck_assert_uint_eq(text_distance("prcent", "percent"), 1);
	ck_assert_uint_eq(text_distance("percents", "percent"), 1);
	ck_assert_uint_eq(text_distance("persent", "percent"), 1);
	ck_assert_uint_eq(text_distance("persnet", "percent"), 2);
	/* Short words are near to everything. */
	ck_assert_uint_eq(text_distance("to", "no"), 1);
	ck_assert_uint_eq(text_distance("to", "ab"), SIZE_MAX);
	ck_assert_uint_eq(text_distance("listen", "priority"), SIZE_MAX);
	ck_assert_uint_eq(text_distance("", "a"), SIZE_MAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {encodings, sizes, surprises,
	    surprises_are_walked_over, bombs,
	    syntax, carets, long_lines, secrets, many_secrets, order,
	    warnings_are_no_errors, quotes, distances};
	Suite *s = suite_create("yamlwalk");
	TCase *t = tcase_create("yamlwalk");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 30);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
