// Waiting for standard input without changing it for others.
#pragma once

namespace fred {

/// Standard input, opened anew: Asio makes what it waits for non-blocking, and the open file of descriptor 0 is shared
/// with the shell and with the program. -1 if it cannot be opened (a socket).
int own_standard_input();

}  // namespace fred
