#include "gdbmi/prompt/standard_input.h"

#include <fcntl.h>

namespace fred {

int own_standard_input() { return open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); }

}  // namespace fred
