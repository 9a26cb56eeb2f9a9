export const Produce = () => <h1>Produce</h1>;
