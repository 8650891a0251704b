import { defineConfig } from "vite";

// The built files are committed: whoever installs the package needs no Node. Their names do not change, so that a diff
// shows what does; the server sends them with an ETag.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/v2g/console/built",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: { app: "index.html", driver: "driver.html", home: "home.html", fleet: "fleet.html" },
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
  server: { proxy: { "/e": "http://127.0.0.1:8080", "/api": "http://127.0.0.1:8080", "/session": "http://127.0.0.1:8080" } },
});
