"""Installs the relays that ours is compared with, from Debian. Before the network namespace is entered, which has no way out."""
import machine
import peers

machine.install(peers.PACKAGES)
