module.exports = {
  daemon: true,
  run: [
    {
      method: "shell.run",
      params: {
        venv: "env",
        path: "app",
        // "python main.py --cpu"
        message: [
          "python main.py --disable-dynamic-vram {{args.extra}}"
        ]
      }
    },
    {
      params: {
        message: "{{platform === 'win32' && gpu === 'amd' ? 'python main.py --directml' : 'python main.py'}}"
      }
    }
  ]
}
