class DistorchFix < Formula
  desc "Repairs ComfyUI-MultiGPU (DisTorch2) for current ComfyUI"
  homepage "https://github.com/{{repository}}"
  version "{{version}}"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "https://github.com/{{repository}}/releases/download/v{{version}}/distorch-fix-v{{version}}-aarch64-apple-darwin.tar.gz"
      sha256 "{{sha256 aarch64-apple-darwin}}"
    end
    on_intel do
      url "https://github.com/{{repository}}/releases/download/v{{version}}/distorch-fix-v{{version}}-x86_64-apple-darwin.tar.gz"
      sha256 "{{sha256 x86_64-apple-darwin}}"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/{{repository}}/releases/download/v{{version}}/distorch-fix-v{{version}}-aarch64-unknown-linux-musl.tar.gz"
      sha256 "{{sha256 aarch64-unknown-linux-musl}}"
    end
    on_intel do
      url "https://github.com/{{repository}}/releases/download/v{{version}}/distorch-fix-v{{version}}-x86_64-unknown-linux-musl.tar.gz"
      sha256 "{{sha256 x86_64-unknown-linux-musl}}"
    end
  end

  def install
    bin.install "distorch-fix"
    generate_completions_from_executable(bin/"distorch-fix", "completions")
    system bin/"distorch-fix", "man", "--into", buildpath
    man1.install Dir["*.1"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/distorch-fix --version")
  end
end
