#include "core/base/error.h"

#include <cstring>

namespace fred {

std::unexpected<Error> fail_errno(int code, std::string what) {
  what += ": ";
  what += strerror(code);
  return std::unexpected(Error{code, std::move(what)});
}

}  // namespace fred
