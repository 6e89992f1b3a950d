module.exports = { version: "3.7", title: "Comfyui" }
