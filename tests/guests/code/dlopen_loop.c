// dlopen and dlclose in a loop: other libraries come to the same addresses.
// args: {dir}/plugin_a.so {dir}/plugin_b.so
// build: -ldl
#include <dlfcn.h>
#include "common.h"

int main(int argc, char** argv) {
  CHECK_EQ(argc, 3);
  void* places[2] = {0};
  int same = 0, sum = 0;
  for (int i = 0; i < 60; i++) {
    void* library = dlopen(argv[1 + i % 2], i % 3 ? RTLD_LAZY : RTLD_NOW);
    if (!library) return printf("FAIL %s\n", dlerror()), 1;
    int (*value)(int) = (int (*)(int))dlsym(library, "plugin_value");
    const char* (*name)(void) = (const char* (*)(void))dlsym(library, "plugin_name");
    CHECK(strcmp(name(), i % 2 ? "b" : "a") == 0);
    for (int k = 0; k < 5; k++) sum = sum * 3 + value(k);
    CHECK(dlsym(library, "nothing_such") == NULL);
    same += places[i % 2] == (void*)value;
    places[i % 2] = (void*)value;
    CHECK_EQ(dlclose(library), 0);
  }
  printf("%d\n", sum);
  CHECK(dlopen("/nonexistent/library.so", RTLD_NOW) == NULL);
  void* both[2] = {dlopen(argv[1], RTLD_NOW), dlopen(argv[2], RTLD_NOW)};
  for (int i = 0; i < 2; i++)
    CHECK(strcmp(((const char* (*)(void))dlsym(both[i], "plugin_name"))(), i ? "b" : "a") == 0);
  return done();
}
