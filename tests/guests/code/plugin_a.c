// A shared library that code/dlopen_loop loads: it differs from plugin_b in what it computes.
int plugin_value(int x);
const char* plugin_name(void);
static int state = 100;
int plugin_value(int x) { return state++ + x * 2; }
const char* plugin_name(void) { return "a"; }
