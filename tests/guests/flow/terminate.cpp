// An exception that nobody catches: terminate, abort, death by SIGABRT.
// status: -6
#include <stdexcept>
int main() { throw std::runtime_error("nobody catches this"); }
