# For arm64, with Debian's cross compiler and the packages that tests/arm64/run unpacks; what is built runs under its qemu.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(home ${CMAKE_CURRENT_LIST_DIR}/../../.deps/arm64)
set(CMAKE_SYSROOT ${home}/sysroot)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${home}/sysroot)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${home}/sysroot)
set(ENV{PKG_CONFIG_LIBDIR} ${home}/sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:${home}/sysroot/usr/share/pkgconfig)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
