// build: -O0 -g -fno-stack-protector
// Answers requests of a protocol of lines, as an HTTP server does. One of them crashes it.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct request {
  char method[8];
  char path[64];
  int body_length;
  int is_json;
};

static const char* const requests[] = {
    "GET /index.html HTTP/1.1\nHost: example.org\nAccept: text/html\n\n",
    "POST /orders HTTP/1.1\nHost: example.org\nContent-Type: application/json\nContent-Length: 37\n\n",
    "POST /orders HTTP/1.1\nHost: example.org\n"
    "Content-Type: application/vnd.example-bookstores.order-confirmation.v2+json; charset=utf-8\nContent-Length: 52\n\n",
    "GET /orders/17 HTTP/1.1\nHost: example.org\n\n",
};

static const char* skip_blanks(const char* p) {
  while (*p == ' ') p++;
  return p;
}

// Copies a word in small letters; gives what is behind it.
static const char* copy_lower(char* to, const char* from, const char* ends) {
  while (*from != '\0' && strchr(ends, *from) == NULL) *to++ = (char)tolower((unsigned char)*from++);
  *to = '\0';
  return from;
}

static int parse_content_type(const char* value) {
  char type[32];
  copy_lower(type, skip_blanks(value), ";\n");
  const char* const format = strrchr(type, '/');
  return format != NULL && strcmp(format, "/json") == 0;
}

static int parse_length(const char* value) {
  int length = 0;
  for (const char* p = skip_blanks(value); isdigit((unsigned char)*p); p++) length = 10 * length + *p - '0';
  return length;
}

static void parse_header(struct request* r, const char* line) {
  char name[24];
  const char* const value = copy_lower(name, line, ":\n");
  if (*value != ':') return;
  if (strcmp(name, "content-type") == 0) {
    r->is_json = parse_content_type(value + 1);
  } else if (strcmp(name, "content-length") == 0) {
    r->body_length = parse_length(value + 1);
  }
}

static struct request parse(const char* text) {
  struct request r = {0};
  const char* p = copy_lower(r.method, text, " ");
  copy_lower(r.path, skip_blanks(p), " \n");
  for (p = strchr(text, '\n'); p != NULL && p[1] != '\n'; p = strchr(p + 1, '\n')) parse_header(&r, p + 1);
  return r;
}

int main(void) {
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    const struct request r = parse(requests[i]);
    printf("%s %s, %d bytes%s\n", r.method, r.path, r.body_length, r.is_json ? " of JSON" : "");
  }
  return 0;
}
