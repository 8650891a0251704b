"""What stands against power: devices, cable, insulation, heat, grid."""
