// Errors of the host side and of the engine's own work. Faults of the guest are values of their own
// (core/signals), broken invariants of ours stop loudly (check.h); this is for what the outside world
// refuses: a missing file, a full disk, a bad argument.
#pragma once
#include <expected>
#include <string>
#include <utility>

namespace fred {

/// `code` is an errno value, or 0 where none applies. `message` is one line for the user: what is wrong
/// and what to do, without a trailing full stop or newline.
struct Error {
  int code = 0;
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// An error with no errno.
inline std::unexpected<Error> fail(std::string message) { return std::unexpected(Error{0, std::move(message)}); }

/// An error from an errno value; ": <strerror>" is appended to `what`.
std::unexpected<Error> fail_errno(int code, std::string what);

}  // namespace fred
