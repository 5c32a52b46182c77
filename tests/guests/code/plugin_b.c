// The other one: a constructor, and another layout of the same functions.
int plugin_value(int x);
const char* plugin_name(void);
static int state, calls[64];
__attribute__((constructor)) static void start(void) { state = 7; }
const char* plugin_name(void) { return "b"; }
int plugin_value(int x) {
  calls[x & 63]++;
  for (int i = 0; i < x; i++) state = state * 5 + calls[i & 63];
  return state;
}
