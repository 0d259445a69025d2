//! Keeps the shared library in its process until that ends, whatever its host does.

fn main() {
    // Handlers of signals are in it, and a process of a server may get one while its host is already shutting down: PHP
    // unloads its extensions, and a C program may call dlclose(), some time before the process ends.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
