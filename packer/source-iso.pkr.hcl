# The installer's disc plus image.ks on a second disc: no HTTP server, no keyboard beyond the boot line.
source "qemu" "iso" {
  iso_url      = var.iso_url
  iso_checksum = var.iso_checksum

  # build-key.pub is the public half of a key made for this build only; image.ks installs it.
  cd_files = compact(["${path.root}/image.ks", var.build_public_key_file])
  cd_label = "OEMDRV"

  boot_wait    = var.boot_wait
  boot_command = var.boot_command

  accelerator      = var.accelerator
  cpus             = var.cpus
  memory           = var.memory
  disk_size        = var.disk_size
  disk_interface   = "virtio-scsi"
  disk_cache       = "unsafe"
  disk_discard     = "unmap"
  net_device       = "virtio-net"
  format           = "qcow2"
  headless         = true
  output_directory = var.output_directory
  vm_name          = var.image_name
  qemuargs         = var.qemu_arguments

  communicator         = "ssh"
  ssh_username         = var.build_user
  ssh_private_key_file = var.build_private_key_file
  ssh_timeout          = "90m"
  # The last script of the build powers the machine off; its user is gone by then.
  shutdown_command = "exit 0"
  shutdown_timeout = "10m"
}
