// build: -O0 -g
// Reads a listing, replaces tabs by blanks, and prints the listing with the length of each line. It crashes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { tab_stop = 8 };

struct line {
  char* text;
  size_t length, capacity;
  struct line* next;
};

static const char* const listing[] = {
    "struct point {",
    "\tdouble x, y;",
    "\tint\tid;\t\t\t/* from 1 */",
    "};",
    "",
    "double norm(struct point p) {",
    "\treturn hypot(p.x, p.y);",
    "}",
};

static struct line* new_line(const char* text) {
  struct line* l = calloc(1, sizeof *l);
  if (l == NULL) abort();
  l->length = strlen(text);
  l->capacity = l->length + tab_stop;  // the indentation becomes longer
  l->text = malloc(l->capacity);
  if (l->text == NULL) abort();
  memcpy(l->text, text, l->length + 1);
  return l;
}

static struct line* read_listing(void) {
  struct line* first = NULL;
  struct line** end = &first;
  for (size_t i = 0; i < sizeof listing / sizeof listing[0]; i++) {
    *end = new_line(listing[i]);
    end = &(*end)->next;
  }
  return first;
}

// Makes room at `at` and fills it with blanks.
static void insert_blanks(struct line* l, size_t at, size_t count) {
  for (size_t i = l->length + 1; i-- > at;) l->text[i + count] = l->text[i];
  for (size_t i = at; i < at + count; i++) l->text[i] = ' ';
  l->length += count;
}

static void expand_tabs(struct line* l) {
  for (size_t i = 0; i < l->length; i++) {
    if (l->text[i] != '\t') continue;
    l->text[i] = ' ';
    insert_blanks(l, i + 1, tab_stop - i % tab_stop - 1);
  }
}

static void print_listing(const struct line* first) {
  int number = 1;
  for (const struct line* l = first; l != NULL; l = l->next) printf("%2d %3zu %s\n", number++, strlen(l->text), l->text);
}

int main(void) {
  struct line* first = read_listing();
  for (struct line* l = first; l != NULL; l = l->next) expand_tabs(l);
  print_listing(first);
  return 0;
}
