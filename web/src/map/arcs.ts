// Arcs that fly, and rings where they land: WebGL. An arc is written once into a ring of instances;
// where it is in each frame is worked out by its shader from its birth, so that a frame costs the
// script nothing but a few calls, however many fly.

export interface Arc {
	fromX: number;
	fromY: number;
	toX: number;
	toY: number;
	bend: number; // how far its middle is lifted, in pixels
	delay: number; // seconds until it starts
	life: number; // seconds of its flight
	width: number;
	color: number; // index of the palette
}

const most = 4096;
const floats = 10; // of an instance
const steps = 24; // of a ribbon
const landing = 0.9; // seconds of a ring

const arcShader = `#version 300 es
layout(location=0) in vec4 ends; // from, to
layout(location=1) in vec4 time; // birth, life, width, bend
layout(location=2) in vec2 kind; // color
uniform vec2 size; uniform float now; uniform vec3 palette[6];
out vec4 tint; out float side;
void main() {
	float i = float(gl_VertexID / 2), edge = float(gl_VertexID % 2) * 2.0 - 1.0;
	float age = (now - time.x) / time.y;
	float head = clamp(age * 1.35, 0.0, 1.0), tail = clamp(age * 1.35 - 0.42, 0.0, 1.0);
	float f = i / ${steps}.0, u = mix(tail, head, f);
	vec2 a = ends.xy, c = ends.zw, b = (a + c) * 0.5 - vec2(0.0, time.w);
	vec2 p = mix(mix(a, b, u), mix(b, c, u), u);
	vec2 d = normalize(mix(b - a, c - b, u) + vec2(1e-4, 0.0));
	p += vec2(-d.y, d.x) * edge * (time.z * (0.35 + 0.65 * f) + 0.7);
	bool alive = age >= 0.0 && tail < 1.0;
	gl_Position = alive ? vec4(p / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
	tint = vec4(palette[int(kind.x)], f * f); side = edge;
}`;
const ringShader = `#version 300 es
layout(location=0) in vec4 ends;
layout(location=1) in vec4 time;
layout(location=2) in vec2 kind;
uniform vec2 size; uniform float now; uniform vec3 palette[6];
out vec4 tint; out vec2 at;
void main() {
	vec2 corner = vec2(float(gl_VertexID % 2), float(gl_VertexID / 2)) * 2.0 - 1.0;
	float age = (now - time.x - time.y / 1.35) / ${landing.toFixed(1)};
	bool alive = age >= 0.0 && age < 1.0;
	vec2 p = ends.zw + corner * (2.0 + (7.0 + time.z * 3.0) * age);
	gl_Position = alive ? vec4(p / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
	tint = vec4(palette[int(kind.x)], (1.0 - age) * 0.8); at = corner;
}`;
const arcColor = `#version 300 es
precision mediump float; in vec4 tint; in float side; out vec4 color;
void main() { float a = tint.a * (1.0 - smoothstep(0.45, 1.0, abs(side))); color = vec4(tint.rgb * a, a); }`;
const ringColor = `#version 300 es
precision mediump float; in vec4 tint; in vec2 at; out vec4 color;
void main() { float r = length(at); float a = tint.a * smoothstep(0.55, 0.8, r) * (1.0 - smoothstep(0.85, 1.0, r)); color = vec4(tint.rgb * a, a); }`;

function program(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram | null {
	const made = gl.createProgram();
	for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
		const shader = gl.createShader(kind);
		if (!shader) return null;
		gl.shaderSource(shader, text);
		gl.compileShader(shader);
		gl.attachShader(made, shader);
	}
	gl.linkProgram(made);
	return gl.getProgramParameter(made, gl.LINK_STATUS) ? made : null;
}

export class Arcs {
	#gl: WebGL2RenderingContext | null;
	#programs: { made: WebGLProgram; size: WebGLUniformLocation | null; now: WebGLUniformLocation | null; palette: WebGLUniformLocation | null }[] = [];
	#data = new Float32Array(most * floats);
	#next = 0;
	#dirtyFrom = 0;
	#dirty = 0;
	#until = 0; // when the last one has landed
	#used = 0;
	#width = 1;
	#height = 1;
	#start = performance.now();
	#frame = 0;
	flown = 0;

	constructor(readonly canvas: HTMLCanvasElement) {
		this.#gl = canvas.getContext('webgl2', { alpha: true, antialias: false, premultipliedAlpha: true, powerPreference: 'low-power' });
		this.#setUp();
		canvas.addEventListener('webglcontextlost', (event) => {
			event.preventDefault();
			this.#programs = [];
		});
		canvas.addEventListener('webglcontextrestored', () => this.#setUp());
	}

	get works(): boolean {
		return this.#programs.length > 0;
	}

	#setUp(): void {
		const gl = this.#gl;
		if (!gl) return;
		const buffer = gl.createBuffer();
		gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
		gl.bufferData(gl.ARRAY_BUFFER, this.#data.byteLength, gl.DYNAMIC_DRAW);
		for (const [place, size, offset] of [[0, 4, 0], [1, 4, 16], [2, 2, 32]] as const) {
			gl.enableVertexAttribArray(place);
			gl.vertexAttribPointer(place, size, gl.FLOAT, false, floats * 4, offset);
			gl.vertexAttribDivisor(place, 1);
		}
		gl.enable(gl.BLEND);
		gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
		this.#programs = [];
		for (const made of [program(gl, arcShader, arcColor), program(gl, ringShader, ringColor)]) {
			if (!made) {
				this.#programs = [];
				return;
			}
			this.#programs.push({ made, size: gl.getUniformLocation(made, 'size'), now: gl.getUniformLocation(made, 'now'), palette: gl.getUniformLocation(made, 'palette') });
		}
		this.#dirtyFrom = 0;
		this.#dirty = most;
	}

	resize(width: number, height: number, ratio: number): void {
		this.#width = width;
		this.#height = height;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.#gl?.viewport(0, 0, this.canvas.width, this.canvas.height);
	}

	/** Six colours, each three numbers of 0 to 1. */
	paint(palette: number[]): void {
		const gl = this.#gl;
		for (const one of this.#programs) {
			gl?.useProgram(one.made);
			gl?.uniform3fv(one.palette, palette);
		}
	}

	/** Let one fly; the oldest goes when there is no room. */
	add(arc: Arc): void {
		const birth = this.#now() + arc.delay;
		this.#data.set([arc.fromX, arc.fromY, arc.toX, arc.toY, birth, arc.life, arc.width, arc.bend, arc.color, 0], this.#next * floats);
		if (this.#dirty === 0) this.#dirtyFrom = this.#next;
		this.#dirty = Math.min(most, this.#dirty + 1);
		this.#next = (this.#next + 1) % most;
		this.#used = Math.min(most, this.#used + 1);
		this.#until = Math.max(this.#until, birth + arc.life + landing);
		this.flown++;
		if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
	}

	clear(): void {
		this.#used = this.#next = this.#dirty = 0;
		this.#until = 0;
	}

	end(): void {
		cancelAnimationFrame(this.#frame);
		this.#frame = -1;
	}

	#now(): number {
		return (performance.now() - this.#start) / 1000;
	}

	#upload(gl: WebGL2RenderingContext): void {
		if (this.#dirty === 0) return;
		const first = Math.min(this.#dirty, most - this.#dirtyFrom);
		gl.bufferSubData(gl.ARRAY_BUFFER, this.#dirtyFrom * floats * 4, this.#data, this.#dirtyFrom * floats, first * floats);
		if (this.#dirty > first) gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.#data, 0, (this.#dirty - first) * floats);
		this.#dirty = 0;
	}

	#draw(): void {
		const gl = this.#gl;
		const now = this.#now();
		if (!gl || this.#programs.length === 0) {
			this.#frame = 0;
			return;
		}
		this.#upload(gl);
		gl.clearColor(0, 0, 0, 0);
		gl.clear(gl.COLOR_BUFFER_BIT);
		this.#programs.forEach((one, i) => {
			gl.useProgram(one.made);
			gl.uniform2f(one.size, this.#width, this.#height);
			gl.uniform1f(one.now, now);
			gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, i === 0 ? (steps + 1) * 2 : 4, this.#used);
		});
		// nothing flies: nothing is drawn, and the machine may rest
		this.#frame = now < this.#until ? requestAnimationFrame(() => this.#draw()) : 0;
	}
}
