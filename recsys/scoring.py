"""placeholder face; replaced by the kernel work"""
