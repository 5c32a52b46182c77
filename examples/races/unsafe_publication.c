// Unsafe publication: the pointer to the settings can be seen before they are complete. A race: exit status 1.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

typedef struct {
  int port, limit;
} Settings;

static Settings settings;
static Settings* volatile published;

static int number(const char* digits) {
  int value = 0;
  for (; *digits != '\0'; digits++) value = 10 * value + (*digits - '0');
  return value;
}

static void* publisher(void* unused) {
  (void)unused;
  published = &settings;
  settings.port = number("80");
  settings.limit = number("100");
  return NULL;
}

static void* reader(void* seen) {
  while (published == NULL) sched_yield();
  *(Settings*)seen = *published;
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  Settings seen = {0, 0};
  pthread_create(&thread[0], NULL, reader, &seen);
  pthread_create(&thread[1], NULL, publisher, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  printf("port %d, limit %d\n", seen.port, seen.limit);
  return seen.port != 80 || seen.limit != 100;
}
