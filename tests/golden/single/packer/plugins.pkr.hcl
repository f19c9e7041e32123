# Packer 1.7 and newer fetch the QEMU builder as a plugin.
# Packer 1.6 has it built in and refuses this block: leave this file out there.
packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "~> 1"
    }
  }
}
