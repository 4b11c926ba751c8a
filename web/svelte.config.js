/** What svelte-check and the plugin of Vite share. */
export default { compilerOptions: { runes: true } };
