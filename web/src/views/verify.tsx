export const Verify = () => <h1>Verify</h1>;
