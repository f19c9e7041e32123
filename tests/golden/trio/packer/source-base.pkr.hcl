# A ready image of the same system with cloud-init; the build's key comes on a disc labelled cidata.
source "qemu" "base" {
  iso_url      = var.base_image
  iso_checksum = var.base_checksum
  disk_image   = true

  cd_files = compact([
    "${path.root}/base-seed/user-data",
    "${path.root}/base-seed/meta-data",
    var.build_public_key_file,
  ])
  cd_label = "cidata"

  boot_wait = "5s"

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
  ssh_timeout          = "30m"
  # The last script of the build powers the machine off; its user is gone by then.
  shutdown_command = "exit 0"
  shutdown_timeout = "10m"
}
