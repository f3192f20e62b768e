"""The kernels of GoKer (Yuan, Li, Lu, Liu, Chen, Wang and Xue, CGO 2021), written anew from their descriptions."""
