// build: -O0 -g
// A small chat server without its sockets: connections say their names, join rooms, talk, and leave. The messages that
// arrive are a list. Somebody is greeted by a name that nobody has.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_connections = 8, most_members = 4 };

struct connection {
  int id;
  char name[20];
  int messages;
};

struct message {
  int from;
  char text[24];
};

struct room {
  const char* title;
  struct connection* members[most_members];
  int count;
};

static struct connection* connections[most_connections];
static struct room rooms[] = {{.title = "lobby"}, {.title = "compilers"}};

static void copy(char* to, size_t room, const char* from) {
  size_t i = 0;
  for (; i + 1 < room && from[i] != '\0'; i++) to[i] = from[i];
  to[i] = '\0';
}

static struct connection* connect_client(int id, const char* name) {
  struct connection* c = malloc(sizeof *c);
  if (c == NULL) abort();
  c->id = id;
  c->messages = 0;
  copy(c->name, sizeof c->name, name);
  connections[id] = c;
  return c;
}

static void join(struct room* r, struct connection* c) {
  if (r->count < most_members) r->members[r->count++] = c;
}

static void leave(struct room* r, struct connection* c) {
  for (int i = 0; i < r->count; i++) {
    if (r->members[i] != c) continue;
    memmove(&r->members[i], &r->members[i + 1], (size_t)(r->count - i - 1) * sizeof r->members[0]);
    r->count--;
    return;
  }
}

static struct message* receive(int from, const char* text) {
  struct message* m = malloc(sizeof *m);
  if (m == NULL) abort();
  m->from = from;
  copy(m->text, sizeof m->text, text);
  return m;
}

static void disconnect(struct connection* c) {
  for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
    if (rooms[i].count > 0) {
      leave(&rooms[i], c);
      break;
    }
  }
  connections[c->id] = NULL;
  free(c);
}

static void handle(struct message* m) {
  struct connection* const c = connections[m->from];
  c->messages++;
  if (strcmp(m->text, "/quit") == 0) {
    disconnect(c);
  } else if (strncmp(m->text, "/join ", 6) == 0) {
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
      if (strcmp(m->text + 6, rooms[i].title) == 0) join(&rooms[i], c);
    }
  } else {
    printf("%s: %s\n", c->name, m->text);
  }
}

static void list_members(const struct room* r) {
  printf("In %s:", r->title);
  for (int i = 0; i < r->count; i++) printf(" %s (%d)", r->members[i]->name, r->members[i]->messages);
  printf("\n");
}

int main(void) {
  static const char* const names[] = {"ada", "brian", "grace", "ken"};
  for (int i = 0; i < 4; i++) join(&rooms[0], connect_client(i, names[i]));
  static const struct message script[] = {{0, "/join compilers"}, {2, "/join compilers"}, {3, "hello"},
                                          {2, "hello, ken"},      {2, "/quit"},           {0, "where is grace?"}};
  struct message* pending[sizeof script / sizeof script[0]];
  for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
    pending[i] = receive(script[i].from, script[i].text);
    handle(pending[i]);
  }
  list_members(&rooms[0]);
  list_members(&rooms[1]);
  for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) free(pending[i]);
  return 0;
}
